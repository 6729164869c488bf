#include <pindispatch/template.h>

#include <errno.h>

#include <pindispatch/cleanup.h>
#include <pindispatch/json.h>

/* Names and addresses as real people have them, at their longest, and what a bad feed sends. */
static const struct {
    const char *name;
    const char *data;
} cases[] = {
    { "ordinary", "{\"card\":{\"id\":\"C-000123\",\"type\":\"employee\"},\"holder\":{\"name\":\"Åsa Öberg\","
                  "\"address\":[\"Storgatan 1\",\"111 22 Stockholm\",\"Sweden\"]}}" },
    { "long-name",
      "{\"card\":{\"id\":\"5710-2048-0000-1111-2222-3333-4444-5555\",\"type\":\"external contractor\"},"
      "\"holder\":{\"name\":\"Maria Magdalena Wilhelmina von Schwarzenberg-Hohenlohe-Langenburg zu "
      "Waldburg\",\"address\":[\"Department of Agriculture, Fisheries and Regional Development\","
      "\"Attn. Mailroom, Building 17, Entrance B, Third Floor\",\"1234 Commonwealth of Massachusetts "
      "Boulevard, Suite 5600\",\"Llanfairpwllgwyngyll LL61 5UJ\",\"United Kingdom of Great Britain\"]}}" },
    { "long-word", "{\"card\":{\"id\":\"C-000123\",\"type\":\"employee\"},\"holder\":{\"name\":\"Papadiamantopoulou"
                   "konstantinou-Hadjimichalopoulos\",\"address\":[\"Donaudampfschifffahrtsgesellschaftsstraße 1\","
                   "\"3943 Schrems\"]}}" },
    { "long-address", "{\"card\":{\"id\":\"C-000123\",\"type\":\"employee\"},\"holder\":{\"name\":\"Åsa Öberg\","
                      "\"address\":[\"c/o Lindström\",\"Example AB\",\"Unit 4\",\"Floor 3\",\"Storgatan 1\","
                      "\"111 22\",\"Stockholm\",\"Sweden\"]}}" },
    { "right-to-left", "{\"card\":{\"id\":\"C-000123\",\"type\":\"موظف\"},\"holder\":{\"name\":\"محمد عبد الرحمن بن "
                       "عبد العزيز\",\"address\":[\"רחוב הרצל 12\",\"شارع الملك فهد 15\",\"الرياض 12345\"]}}" },
    { "cjk", "{\"card\":{\"id\":\"C-000123\",\"type\":\"社員\"},\"holder\":{\"name\":\"山田 太郎\",\"address\":["
             "\"東京都千代田区丸の内一丁目九番一号\",\"100-0005\",\"日本\"]}}" },
    { "greek-cyrillic",
      "{\"card\":{\"id\":\"C-000123\",\"type\":\"служащий\"},\"holder\":{\"name\":\"Ксения "
      "Александровна Щербакова\",\"address\":[\"ул. Большая Ордынка, д. 1\",\"Οδός Σταδίου 5\"]}}" },
    { "combining-marks",
      "{\"card\":{\"id\":\"C-000123\",\"type\":\"employee\"},\"holder\":{\"name\":\"Nguye\u0302\u0303n "
      "Thi\u0323 A\u030asa O\u0308berg\",\"address\":[\"\u0110u\u031bo\u031b\u0300ng Le\u0302 "
      "Lo\u031b\u0323i 1\"]}}" },
    { "emoji", "{\"card\":{\"id\":\"C-000123\",\"type\":\"employee\"},\"holder\":{\"name\":\"Åsa 😀 Öberg\","
               "\"address\":[\"Storgatan 1 ☎\"]}}" },
    { "markup", "{\"card\":{\"id\":\"C-<b>1</b>\",\"type\":\"a & b\"},\"holder\":{\"name\":\"{{pin}} & <b>$1</b> "
                "\\\"x\\\"\",\"address\":[\"<!-- {{secret}} -->\",\"'; DROP TABLE\"]}}" },
    { "sparse", "{\"card\":{\"id\":\"C-000123\"},\"holder\":{\"name\":\"Å\"}}" },
};

static int add_holder(json_t *data, const char *locale)
{
    json_t *holder = json_object_get(data, "holder");

    if (json_put_text(holder, "email", "test@example.com") < 0)
        return -ENOMEM;
    return locale[0] ? json_put_text(holder, "locale", locale) : 0;
}

int template_torture(size_t i, const char *locale, const char **ret_name, json_t **ret_event)
{
    CLEANUP(json_cleanup) json_t *data = NULL;
    json_t *event;

    if (i >= ARRAY_SIZE(cases))
        return -ENOENT;
    data = json_loads(cases[i].data, 0, NULL);
    if (!data || add_holder(data, locale) < 0)
        return -ENOMEM;
    event = json_pack("{s:s, s:s, s:s, s:s, s:O}", "specversion", "1.0", "id", cases[i].name, "source",
                      "/pindispatch/template", "type", "card.issued", "data", data);
    if (!event)
        return -ENOMEM;
    *ret_name = cases[i].name;
    *ret_event = event;
    return 0;
}
