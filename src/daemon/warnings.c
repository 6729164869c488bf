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

static void warn_of_card_numbers(const struct settings *s, method_warning *tell, void *userdata)
{
    struct problem p;

    if (!settings_flag(s, "templates.full_card_number"))
        return;
    problem_set(
        &p, "card-number", "templates.full_card_number",
        "letters and mails with a secret may print the full card number: who finds one knows what the secret is "
        "for");
    tell(userdata, &p);
}

void site_warnings(const struct settings *s, method_warning *tell, void *userdata)
{
    for (const struct method *const *m = methods; *m; m++) {
        const char *secrets = find_secrets(s, *m);

        if ((*m)->warn && secrets)
            (*m)->warn(s, secrets, tell, userdata);
    }
    warn_of_card_numbers(s, tell, userdata);
}
