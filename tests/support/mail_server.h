/* Mail servers for tests in C: the scripts of this folder as child processes. Errors end the test program. */
#ifndef TESTS_SUPPORT_MAIL_SERVER_H
#define TESTS_SUPPORT_MAIL_SERVER_H

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>

struct mail_server {
    pid_t pid;
    int input; /* its standard input: it ends when this closes */
    unsigned port;
    char record[256];
};

/* A folder of its own below /tmp with the certificates of tls.py; mail_folder_remove() takes it away again. */
void mail_folder_make(char folder[64]);
void mail_folder_remove(const char *folder);

/* smtp_scripted.py with SCRIPT, recording in FOLDER. */
void mail_server_script(struct mail_server *s, const char *folder, const char *script);
/* postfix.py with the certificate "good"; mails are kept in FOLDER/postfix/mail/new. */
void mail_server_postfix(struct mail_server *s, const char *folder);
void mail_server_stop(struct mail_server *s);

/* What the scripted server got: an array of its record's rows, once CONNECTIONS have ended (at most 10 s). */
json_t *mail_server_record(const struct mail_server *s, size_t connections);
/* How many rows have the member KEY, and, when BEGINS is given, a text there that begins so. */
size_t mail_record_count(const json_t *record, const char *key, const char *begins);

#endif
