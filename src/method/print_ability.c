#include "print_ability.h"

#include <stdio.h>
#include <string.h>

#include <pindispatch/cleanup.h>

/* Fine enough for the smallest text and bar code of a letter, and a quarter of the memory that 600 dpi take. */
enum { DPI_WANTED = 300, DPI_MOST = 1200 };

const char *const ability_attributes[ABILITY_ATTRIBUTES] = {
    "operations-supported",
    "document-format-supported",
    "pwg-raster-document-resolution-supported",
    "pwg-raster-document-type-supported",
    "pwg-raster-document-sheet-back",
    "sides-supported",
};

static bool has_word(ipp_t *answer, const char *name, const char *word)
{
    ipp_attribute_t *a = ippFindAttribute(answer, name, IPP_TAG_ZERO);
    for (int i = 0; i < ippGetCount(a); i++) {
        const char *one = ippGetString(a, i, NULL);
        if (one && strcmp(one, word) == 0)
            return true;
    }
    return false;
}

static bool has_operations(ipp_t *answer)
{
    static const ipp_op_t needed[] = { IPP_OP_CREATE_JOB, IPP_OP_SEND_DOCUMENT, IPP_OP_CANCEL_JOB,
                                       IPP_OP_GET_JOB_ATTRIBUTES, IPP_OP_GET_JOBS };
    ipp_attribute_t *a = ippFindAttribute(answer, "operations-supported", IPP_TAG_ENUM);
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
        if (!ippContainsInteger(a, (int)needed[i]))
            return false;
    return true;
}

/* Of two resolutions: the smaller one that is enough, else the larger one. 0: none. */
static unsigned better(unsigned a, unsigned b)
{
    unsigned low = a < b ? a : b, high = a < b ? b : a;
    return low >= DPI_WANTED ? low : high;
}

static unsigned read_dpi(ipp_t *answer)
{
    ipp_attribute_t *a = ippFindAttribute(answer, "pwg-raster-document-resolution-supported", IPP_TAG_RESOLUTION);
    unsigned dpi = 0;
    for (int i = 0; i < ippGetCount(a); i++) {
        ipp_res_t unit = IPP_RES_PER_INCH;
        int y = 0, x = ippGetResolution(a, i, &y, &unit);
        if (unit == IPP_RES_PER_INCH && x == y && x > 0 && x <= DPI_MOST)
            dpi = better(dpi, (unsigned)x);
    }
    return dpi;
}

void ability_read(ipp_t *answer, struct ability *ret)
{
    bool grey = has_word(answer, "pwg-raster-document-type-supported", "sgray_8");
    const char *back =
        ippGetString(ippFindAttribute(answer, "pwg-raster-document-sheet-back", IPP_TAG_KEYWORD), 0, NULL);
    *ret = (struct ability){ .jobs = has_operations(answer),
                             .pdf = has_word(answer, "document-format-supported", "application/pdf"),
                             .dpi = read_dpi(answer),
                             .colour = has_word(answer, "pwg-raster-document-type-supported", "srgb_8"),
                             .two_sided = has_word(answer, "sides-supported", "two-sided-long-edge") };
    ret->raster =
        has_word(answer, "document-format-supported", "image/pwg-raster") && ret->dpi && (ret->colour || grey);
    snprintf(ret->back, sizeof(ret->back), "%s", back ? back : "normal");
}

static int unfit(struct outcome *o, const char *printer, const char *why)
{
    outcome_set(o, OUTCOME_DEFERRED, "printer-unfit", "The printer %.80s %s: let a CUPS queue print there.", printer,
                why);
    o->destination = true;
    return 1;
}

int ability_judge(const struct ability *a, const char *printer, struct outcome *o)
{
    if (!a->jobs)
        return unfit(o, printer,
                     "lacks an IPP operation that a letter needs (Create-Job, Send-Document, Cancel-Job, "
                     "Get-Job-Attributes, Get-Jobs)");
    if (!a->pdf && !a->raster)
        return unfit(o, printer, "takes neither PDF nor PWG Raster in sgray_8 or srgb_8");
    return 0;
}
