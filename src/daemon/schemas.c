#include <pindispatch/schemas.h>

#include <pindispatch/config.h>
#include <pindispatch/method.h>

enum { SCHEMAS_MOST = 16 };

/* The two options keep the names and values that they have in the identity manager they come from. */
static struct setting options[] = {
    { .name = "CardsPINDeliveryMethod",
      .type = SETTING_CHOICE,
      .standard = "print",
      .help = "How a card's PIN reaches its holder." },
    { .name = "CardsPUKDeliveryMethod",
      .type = SETTING_CHOICE,
      .standard = "nopuk",
      .help = "How a card's PUK reaches its holder." },
    { .name = NULL },
};

const struct setting *const *site_schemas(void)
{
    /* The table of methods is composed at run time: each call writes the same pointers again. */
    static const struct setting *schemas[SCHEMAS_MOST];
    size_t n = 0;

    options[0].choices = method_names(SECRET_PIN);
    options[1].choices = method_names(SECRET_PUK);
    schemas[n++] = options;
    for (const struct method *const *m = methods; *m && n + 2 < SCHEMAS_MOST; m++)
        if ((*m)->settings)
            schemas[n++] = (*m)->settings;
    schemas[n++] = config_rows;
    return schemas;
}
