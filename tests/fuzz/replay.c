/* Runs a fuzzer over files and folders of its corpus, for builds without libFuzzer. */
#include <pindispatch/buffer.h>
#include <pindispatch/file.h>

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned runs;

static int replay_file(const char *path)
{
    struct buffer b = BUFFER(16 * 1024 * 1024);
    int r = file_read(path, &b);

    if (r < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(-r));
        return 1;
    }
    LLVMFuzzerTestOneInput((const uint8_t *)(b.data ? buffer_bytes(&b) : ""), buffer_size(&b));
    buffer_release(&b);
    runs++;
    return 0;
}

static int replay_folder(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int failed = 0;

    if (!dir)
        return 1;
    while ((entry = readdir(dir)) != NULL) {
        char *file = path_join(path, entry->d_name);

        if (entry->d_name[0] != '.' && file)
            failed |= replay_file(file);
        free(file);
    }
    closedir(dir);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++) {
        struct stat st;

        if (stat(argv[i], &st) < 0)
            failed = 1;
        else if (S_ISDIR(st.st_mode))
            failed |= replay_folder(argv[i]);
        else
            failed |= replay_file(argv[i]);
    }
    printf("%u inputs\n", runs);
    return failed || runs == 0;
}
