/* What the files of a spooler share: how its requests are made, sent and judged. */
#ifndef METHOD_PRINT_REQUEST_H
#define METHOD_PRINT_REQUEST_H

#include "print_connection.h"
#include "print_spooler.h"

struct spooler {
    struct connection *connection;
    struct print_life life;
    struct print_place place;
    char *media, *sides;
    bool direct;
};

/* Empty; about JOB unless 0. NULL: out of memory, which request_send() takes. */
ipp_t *request_new(struct spooler *s, ipp_op_t operation, int job);
ipp_t *request_at(const char *uri, ipp_op_t operation, int job);
/* Asks for these attributes, and for MORE. */
void request_attributes(ipp_t *r, const char *const *names, size_t n, const char *const *more, size_t n_more);
/* As connection_ask(). RESOURCE: NULL is the printer's. */
int request_send(struct spooler *s, ipp_t *request, const char *resource, const struct document *d, ipp_t **ret,
                 struct outcome *trouble);
/* What a refusal means for the letter: whose fault it is decides whether all letters wait. 0, or 1 with TROUBLE. */
int request_judge(struct spooler *s, ipp_t *answer, const char *doing, struct outcome *trouble);
/* The only job of an answer. */
void request_read_job(ipp_t *answer, struct print_job *ret);

#endif
