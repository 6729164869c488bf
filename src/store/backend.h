/* What a store is made of: one row a backend in the table of store.c. */
#ifndef PINDISPATCH_STORE_BACKEND_H
#define PINDISPATCH_STORE_BACKEND_H

#include <pindispatch/store.h>

/* Every backend's store begins with this. */
struct store {
    const struct backend *backend;
    bool dirty;  /* a transaction is open, or was lost and waits for the abort */
    bool untidy; /* erased secrets may still be where the backend wrote them first */
};

/* The verbs of store.h, one for one. */
struct backend {
    const char *name;
    int (*open)(const char *path, struct store **ret, struct problem *p);
    struct store *(*close)(struct store *s);
    int (*recall)(struct store *s, struct admission *a);
    int (*put)(struct store *s, struct admission *a);
    int (*claim)(struct store *s, const char *method, unsigned limit, const struct cause *cause, store_each *each,
                 void *userdata);
    int (*mark)(struct store *s, const struct uuid *id, enum stage stage, const char *evidence,
                const struct cause *cause);
    int (*settle)(struct store *s, const struct change *c);
    int (*sweep)(struct store *s, int64_t expire_before, int64_t retention_before, unsigned limit,
                 const struct cause *cause);
    int (*hasten)(struct store *s, const char *method, int64_t now, int64_t latest, unsigned limit);
    int (*stat)(struct store *s, struct store_stat *ret);
    int (*next_due)(struct store *s, const char *method, int64_t *ret);
    int (*find)(struct store *s, const struct uuid *id, store_each *each, void *userdata);
    int (*list)(struct store *s, unsigned mask, unsigned limit, const struct uuid *before, store_each *each,
                void *userdata);
    int (*audit)(struct store *s, const struct uuid *id, uint64_t after, audit_each *each, void *userdata);
    int (*audit_walk)(struct store *s, struct audit_walk *w, uint64_t limit, struct problem *p);
    int (*audit_head)(struct store *s, uint64_t *ret_seq, char hash[AUDIT_HASH_TEXT]);
    int (*anchor)(struct store *s, const struct anchor *a);
    int (*anchors)(struct store *s, anchor_each *each, void *userdata);
    int (*commit)(struct store *s);
    void (*abort)(struct store *s);
    int (*revive)(struct store *s, struct problem *p);
    int (*tidy)(struct store *s);
};

extern const struct backend backend_sqlite;

#endif
