#include "print_guard.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cups/cups.h>

#include <pindispatch/cleanup.h>
#include <pindispatch/utf8.h>

const char *const guard_attributes[GUARD_ATTRIBUTES] = { "printer-type", "job-sheets-default", "printer-error-policy",
                                                         "device-uri", "printer-is-shared" };

/* What a queue says of itself goes into sentences: plain ASCII. */
static void clean(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

static void read_texts(ipp_t *answer, const char *name, char text[GUARD_TEXT])
{
    ipp_attribute_t *a = ippFindAttribute(answer, name, IPP_TAG_ZERO);
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < ippGetCount(a) && used < GUARD_TEXT; i++) {
        const char *word = ippGetString(a, i, NULL);
        int n = snprintf(text + used, GUARD_TEXT - used, "%s%s", i ? "," : "", word ? word : "");
        used += (size_t)(n > 0 ? n : 0);
    }
    clean(text);
}

void guard_read(ipp_t *answer, struct guard_facts *ret)
{
    ipp_attribute_t *a;
    struct guard_facts told = { .keeps_documents = ret->keeps_documents,
                                .counts_nothing = ret->counts_nothing,
                                .tells_no_starts = ret->tells_no_starts };
    memcpy(told.moved_to, ret->moved_to, sizeof(told.moved_to));
    *ret = told;
    if ((a = ippFindAttribute(answer, "printer-type", IPP_TAG_ENUM)))
        ret->is_class = ippGetInteger(a, 0) & CUPS_PRINTER_CLASS;
    if ((a = ippFindAttribute(answer, "printer-is-shared", IPP_TAG_BOOLEAN)))
        ret->is_shared = ippGetBoolean(a, 0);
    read_texts(answer, "job-sheets-default", ret->banner);
    read_texts(answer, "printer-error-policy", ret->error_policy);
    read_texts(answer, "device-uri", ret->device);
}

static void add(struct guard *g, const char *code, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void add(struct guard *g, const char *code, const char *format, ...)
{
    struct guard_finding *f = &g->findings[g->n];
    va_list arguments;
    if (g->n == GUARD_FINDINGS)
        return;
    g->n++;
    snprintf(f->code, sizeof(f->code), "%s", code);
    va_start(arguments, format);
    vsnprintf(f->reason, sizeof(f->reason), format, arguments);
    utf8_make_plain(f->reason);
    va_end(arguments);
}

static bool has_scheme(const char *uri, const char *scheme)
{
    size_t size = strlen(scheme);
    return strncasecmp(uri, scheme, size) == 0 && uri[size] == ':';
}

/* "socket://10.0.0.7:9100/" → "10.0.0.7" */
static void host_of(const char *uri, char host[GUARD_TEXT])
{
    const char *start = strstr(uri, "://");
    size_t size = start ? strcspn(start + 3, "/?") : 0;
    const char *name = start ? start + 3 : "";
    const char *at = memchr(name, '@', size);
    if (at) {
        size -= (size_t)(at + 1 - name);
        name = at + 1;
    }
    if (name[0] == '[')
        size = strcspn(name, "]") + (strchr(name, ']') != NULL);
    else
        size = strcspn(name, ":") < size ? strcspn(name, ":") : size;
    snprintf(host, GUARD_TEXT, "%.*s", (int)size, name);
}

static bool is_loopback(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
}

/* Does CUPS send what is printed there over the network, readable for those on the way? What is found by DNS-SD is
 * encrypted where its service says so. */
static bool is_in_clear(const char *device, char host[GUARD_TEXT])
{
    static const char *const schemes[] = { "socket", "lpd", "ipp", "http", "smb", "dnssd" };
    host_of(device, host);
    if (is_loopback(host) || (has_scheme(device, "dnssd") && strstr(device, "._ipps.")))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
        if (has_scheme(device, schemes[i]))
            return true;
    return false;
}

static void judge_device(const char *device, const char *printer, struct guard *g)
{
    char host[GUARD_TEXT];
    if (has_scheme(device, "file"))
        add(g, "queue-file", "The queue %.48s writes letters to %.64s: give it a printer (lpadmin -p %.48s -v URI).",
            printer, device, printer);
    else if (is_in_clear(device, host))
        add(g, "device-unencrypted",
            "The queue %.40s sends letters to %.64s in clear: give it an ipps:// address (lpadmin -p %.40s -v URI).",
            printer, host, printer);
}

static bool is_banner(const char *sheets)
{
    return sheets[0] && strcmp(sheets, "none") != 0 && strcmp(sheets, "none,none") != 0;
}

void guard_judge(const struct guard_facts *f, const char *printer, struct guard *ret)
{
    *ret = (struct guard){ .n = 0 };
    if (f->is_class || has_scheme(f->device, "implicitclass"))
        add(ret, "queue-class", "The queue %.64s is a class: name one printer (print.printer).", printer);
    if (is_banner(f->banner))
        add(ret, "queue-banner",
            "The queue %.48s prints banner pages (%.40s): lpadmin -p %.48s -o job-sheets-default=none,none", printer,
            f->banner, printer);
    if (f->error_policy[0] && strcmp(f->error_policy, "abort-job") != 0)
        add(ret, "queue-reprints",
            "The queue %.48s may print a letter again after an error (%.32s): lpadmin -p %.48s -o "
            "printer-error-policy=abort-job",
            printer, f->error_policy, printer);
    if (f->is_shared)
        add(ret, "queue-shared",
            "The queue %.48s is shared on the network: lpadmin -p %.48s -o printer-is-shared=false", printer,
            printer);
    judge_device(f->device, printer, ret);
    if (f->keeps_documents)
        add(ret, "spool-keeps-documents",
            "The server of %.48s keeps letters after printing: set PreserveJobFiles No in cupsd.conf, restart it, "
            "and "
            "remove what it kept (cancel -a -x %.48s).",
            printer, printer);
    size_t unsafe = ret->n;
    if (f->counts_nothing)
        add(ret, "printer-counts-nothing",
            "The printer %.48s counts no sheets: a letter whose printing was killed is told as printed. Where its "
            "driver "
            "can count (PAGE: or job-media-sheets-completed), let it.",
            printer);
    if (f->moved_to[0])
        add(ret, "letters-moved", "Somebody moved letters from the queue %.64s to %.64s: look for them there.",
            printer, f->moved_to);
    if (f->tells_no_starts)
        add(ret, "server-tells-no-starts",
            "The server of %.48s takes no subscription: a second letter after its restart may not be told. Allow "
            "Create-Printer-Subscription and Get-Subscriptions (cupsd.conf), MaxEvents above 0.",
            printer);
    for (size_t i = unsafe; i < ret->n; i++)
        ret->findings[i].weak = true;
}

json_t *guard_to_json(const struct guard *g)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < g->n; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:s}", "code", g->findings[i].code, "reason", g->findings[i].reason));
    return list;
}

json_t *guard_codes(const struct guard *g)
{
    json_t *list = g->n ? json_array() : NULL;
    for (size_t i = 0; list && i < g->n; i++)
        json_array_append_new(list, json_string(g->findings[i].code));
    return list;
}
