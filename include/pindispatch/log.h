/* Structured log: to the journal with fields when standard error is the journal's stream, else lines on
 * standard error. Only intake, dispatch, worker, control, daemon and ctl log; libraries return. */
#ifndef PINDISPATCH_LOG_H
#define PINDISPATCH_LOG_H

#include <stdbool.h>
#include <syslog.h>

struct log_field {
    const char *name;  /* "DELIVERY_ID"; upper case, digits, underscore */
    const char *value; /* NULL: the field is left out. Never a secret. */
};

#define LOG_FIELD(name_, value_) (&(const struct log_field){ (name_), (value_) })

/* The catalogue of MESSAGE_IDs (sd-id128 strings): one a kind of message that somebody may want to find. */
#define MESSAGE_STARTED        "6f2b0a3f4b8e4d0f9a1d5a7c3e9b1c01"
#define MESSAGE_STOPPED        "6f2b0a3f4b8e4d0f9a1d5a7c3e9b1c02"
#define MESSAGE_RELOADED       "6f2b0a3f4b8e4d0f9a1d5a7c3e9b1c03"
#define MESSAGE_RELOAD_REFUSED "6f2b0a3f4b8e4d0f9a1d5a7c3e9b1c04"
#define MESSAGE_EVENT_ACCEPTED "6f2b0a3f4b8e4d0f9a1d5a7c3e9b1c05"
#define MESSAGE_EVENT_REJECTED "6f2b0a3f4b8e4d0f9a1d5a7c3e9b1c06"
#define MESSAGE_DELIVERY_STATE "6f2b0a3f4b8e4d0f9a1d5a7c3e9b1c07"
#define MESSAGE_WORKER_STARTED "6f2b0a3f4b8e4d0f9a1d5a7c3e9b1c08"
#define MESSAGE_WORKER_LOST    "6f2b0a3f4b8e4d0f9a1d5a7c3e9b1c09"
#define MESSAGE_TROUBLE        "6f2b0a3f4b8e4d0f9a1d5a7c3e9b1c0a"
#define MESSAGE_TROUBLE_OVER   "6f2b0a3f4b8e4d0f9a1d5a7c3e9b1c0b"
#define MESSAGE_STORE_REFUSED  "6f2b0a3f4b8e4d0f9a1d5a7c3e9b1c0c"
#define MESSAGE_OPERATOR       "6f2b0a3f4b8e4d0f9a1d5a7c3e9b1c0d"
#define MESSAGE_CLOCK          "6f2b0a3f4b8e4d0f9a1d5a7c3e9b1c0e"
#define MESSAGE_ANCHOR         "6f2b0a3f4b8e4d0f9a1d5a7c3e9b1c0f"

/* LEVEL is a syslog priority (LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG). MESSAGE_ID may be NULL.
 * FIELDS ends with a NULL pointer and may be NULL. */
void log_event(int level, const char *message_id, const struct log_field *const *fields, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
#define LOG_FIELDS(...)       ((const struct log_field *const[]){ __VA_ARGS__, NULL })
#define log_plain(level, ...) log_event((level), NULL, NULL, __VA_ARGS__)

void log_set_program(const char *name); /* before the first line; not copied */
void log_set_level(int most);           /* lines above this priority number are dropped; LOG_INFO at first */

#endif
