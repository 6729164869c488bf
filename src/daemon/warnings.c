#include <pindispatch/schemas.h>

#include <string.h>

/* The secrets that go METHOD's way, as text; NULL when none does. */
static const char *find_secrets(const struct settings *s, const struct method *m)
{
    bool pin = strcmp(settings_text(s, "CardsPINDeliveryMethod"), m->names[SECRET_PIN]) == 0;
    bool puk = strcmp(settings_text(s, "CardsPUKDeliveryMethod"), m->names[SECRET_PUK]) == 0;

    if (pin && puk)
        return "PIN and PUK";
    return pin ? "PIN" : puk ? "PUK" : NULL;
}

void site_warnings(const struct settings *s, method_warning *tell, void *userdata)
{
    for (const struct method *const *m = methods; *m; m++) {
        const char *secrets = find_secrets(s, *m);

        if ((*m)->warn && secrets)
            (*m)->warn(s, secrets, tell, userdata);
    }
}
