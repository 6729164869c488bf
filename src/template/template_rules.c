#include <pindispatch/template.h>

#include <pindispatch/media.h>
#include <pindispatch/settings.h>

struct template_rules template_rules_of(const struct settings *s, bool paper)
{
    struct template_rules rules = { .full_card_number = settings_flag(s, "templates.full_card_number") };

    if (paper && !media_size(settings_text(s, "print.media"), &rules.width, &rules.height))
        rules.width = rules.height = 0;
    return rules;
}
