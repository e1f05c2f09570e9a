/* Applets about names, files and the surroundings: basename dirname ls env date
 * sleep true false */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "wbox.h"

extern char **environ;

int true_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return EXIT_OK;
}

int false_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return EXIT_FAILED;
}

/* ---- names --------------------------------------------------------------- */

static void trim_slashes(char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        path[--n] = 0;
}

static void put_basename(char *path, const char *suffix, int end)
{
    trim_slashes(path);
    char *slash = strrchr(path, '/');
    char *name = slash && slash[1] ? slash + 1 : path;
    size_t n = strlen(name), k = suffix ? strlen(suffix) : 0;
    if (k > 0 && n > k && strcmp(name + n - k, suffix) == 0)
        name[n - k] = 0;
    fputs(name, stdout);
    putchar(end);
}

int basename_main(int argc, char **argv)
{
    static const char how[] = "NAME [SUFFIX] | -a [-s SUFFIX] NAME...";
    const char *suffix = NULL;
    bool many = false;
    int end = '\n';
    for (int c; (c = getopt(argc, argv, "+as:z")) != -1;) {
        switch (c) {
        case 'a': many = true; break;
        case 's':
            suffix = optarg;
            many = true;
            break;
        case 'z': end = 0; break;
        default: usage(how);
        }
    }
    int count = argc - optind;
    if (count < 1 || (!many && count > 2))
        usage(how);
    if (!many && count == 2)
        suffix = argv[optind + 1];
    for (int i = optind; i < (many ? argc : optind + 1); i++)
        put_basename(argv[i], suffix, end);
    return EXIT_OK;
}

int dirname_main(int argc, char **argv)
{
    int end = '\n';
    for (int c; (c = getopt(argc, argv, "+z")) != -1;) {
        if (c != 'z')
            usage("[-z] NAME...");
        end = 0;
    }
    if (optind == argc)
        usage("[-z] NAME...");
    for (int i = optind; i < argc; i++) {
        trim_slashes(argv[i]);
        char *slash = strrchr(argv[i], '/');
        if (slash && slash > argv[i]) {
            *slash = 0;
            trim_slashes(argv[i]);
            fputs(argv[i], stdout);
        } else {
            fputs(slash ? "/" : ".", stdout);
        }
        putchar(end);
    }
    return EXIT_OK;
}

/* ---- ls ------------------------------------------------------------------ */

static bool ls_all, ls_almost_all, ls_long, ls_reverse, ls_by_size, ls_by_time, ls_marks, ls_recursive, ls_directory;

typedef struct { char *name; struct stat st; } entry;

static int compare_entries(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int order = 0;
    if (ls_by_size)
        order = x->st.st_size > y->st.st_size ? -1 : x->st.st_size < y->st.st_size;
    else if (ls_by_time)
        order = x->st.st_mtim.tv_sec > y->st.st_mtim.tv_sec ? -1 : x->st.st_mtim.tv_sec < y->st.st_mtim.tv_sec;
    if (order == 0)
        order = strcmp(x->name, y->name);
    return ls_reverse ? -order : order;
}

static void put_entry(const entry *e)
{
    if (ls_long) {
        char when[32];
        struct tm tm;
        time_t modified = e->st.st_mtim.tv_sec;
        strftime(when, sizeof when, "%Y-%m-%d %H:%M", gmtime_r(&modified, &tm));
        printf("%c %10lld %s ", S_ISDIR(e->st.st_mode) ? 'd' : S_ISLNK(e->st.st_mode) ? 'l' : '-', (long long)e->st.st_size, when);
    }
    printf("%s%s\n", e->name, ls_marks && S_ISDIR(e->st.st_mode) ? "/" : "");
}

static bool has_printed; /* something stands above the next title */

static int list_directory(const char *path, bool with_title)
{
    int code = EXIT_OK;
    entry *entries = NULL;
    size_t count = 0;
    DIR *dir = opendir(path);
    if (!dir) {
        warn("%s: %s", path, strerror(errno));
        return EXIT_FAILED;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        bool self = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
        if (e->d_name[0] == '.' && !ls_all && (self || !ls_almost_all))
            continue;
        entries = must(realloc(entries, (count + 1) * sizeof *entries));
        char *full;
        if (asprintf(&full, "%s/%s", path, e->d_name) < 0)
            must(NULL);
        if (lstat(full, &entries[count].st) != 0)
            memset(&entries[count].st, 0, sizeof entries[count].st);
        free(full);
        entries[count++].name = must(strdup(e->d_name));
    }
    closedir(dir);
    if (count > 0)
        qsort(entries, count, sizeof *entries, compare_entries);
    if (with_title)
        printf("%s%s:\n", has_printed ? "\n" : "", path);
    has_printed = true;
    for (size_t i = 0; i < count; i++)
        put_entry(&entries[i]);
    for (size_t i = 0; i < count && ls_recursive; i++) {
        bool self = strcmp(entries[i].name, ".") == 0 || strcmp(entries[i].name, "..") == 0;
        if (S_ISDIR(entries[i].st.st_mode) && !self) {
            char *inner;
            if (asprintf(&inner, "%s/%s", path, entries[i].name) < 0)
                must(NULL);
            code |= list_directory(inner, true);
            free(inner);
        }
    }
    for (size_t i = 0; i < count; i++)
        free(entries[i].name);
    free(entries);
    return code;
}

int ls_main(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "1aAdFlprRSt")) != -1;) {
        switch (c) {
        case '1': break;
        case 'a': ls_all = true; break;
        case 'A': ls_almost_all = true; break;
        case 'd': ls_directory = true; break;
        case 'F':
        case 'p': ls_marks = true; break;
        case 'l': ls_long = true; break;
        case 'r': ls_reverse = true; break;
        case 'R': ls_recursive = true; break;
        case 'S': ls_by_size = true; break;
        case 't': ls_by_time = true; break;
        default: usage("[-1aAdFlrRSt] [FILE]...");
        }
    }
    static char *here[] = { "." };
    int count = argc > optind ? argc - optind : 1, code = EXIT_OK;
    char **names = argc > optind ? argv + optind : here;
    bool titles = count > 1 || ls_recursive;
    for (int i = 0; i < count; i++) { /* files come before directories */
        entry e = { .name = names[i] };
        if (stat(names[i], &e.st) != 0) {
            warn("%s: %s", names[i], strerror(errno));
            code = EXIT_FAILED;
        } else if (ls_directory || !S_ISDIR(e.st.st_mode)) {
            put_entry(&e);
            has_printed = true;
        }
    }
    for (int i = 0; i < count && !ls_directory; i++) {
        struct stat st;
        if (stat(names[i], &st) == 0 && S_ISDIR(st.st_mode))
            code |= list_directory(names[i], titles);
    }
    return code;
}

/* ---- surroundings -------------------------------------------------------- */

int env_main(int argc, char **argv)
{
    int code = EXIT_OK;
    for (char **e = environ; argc == 1 && e && *e; e++)
        puts(*e);
    for (int i = 1; i < argc; i++) {
        const char *value = getenv(argv[i]);
        if (value)
            puts(value);
        else
            code = EXIT_FAILED;
    }
    return code;
}

int date_main(int argc, char **argv)
{
    const char *format = "%a %b %e %H:%M:%S UTC %Y";
    time_t now = time(NULL);
    for (int c; (c = getopt(argc, argv, "d:Iu")) != -1;) {
        switch (c) {
        case 'd': {
            struct tm tm = { 0 };
            const char *rest = optarg[0] == '@' ? NULL : strptime(optarg, "%Y-%m-%dT%H:%M:%S", &tm);
            if (!rest && optarg[0] != '@')
                rest = strptime(optarg, "%Y-%m-%d %H:%M:%S", &tm);
            if (!rest && optarg[0] != '@')
                rest = strptime(optarg, "%Y-%m-%d", &tm);
            if (optarg[0] == '@')
                now = (time_t)parse_number(optarg + 1);
            else if (rest && (!*rest || strcmp(rest, "Z") == 0))
                now = timegm(&tm);
            else
                fail("not a date: `%s`", optarg);
            break;
        }
        case 'I': format = "%Y-%m-%d"; break;
        case 'u': break; /* there is no other zone here */
        default: usage("[-Iu] [-d @SECONDS|DATE] [+FORMAT]");
        }
    }
    if (optind < argc) {
        if (argv[optind][0] != '+')
            usage("[-Iu] [-d @SECONDS|DATE] [+FORMAT]");
        format = argv[optind] + 1;
    }
    char out[1024];
    struct tm tm;
    out[strftime(out, sizeof out, format, gmtime_r(&now, &tm))] = 0;
    puts(out);
    return EXIT_OK;
}

int sleep_main(int argc, char **argv)
{
    if (argc != 2)
        usage("SECONDS");
    char *end;
    double seconds = strtod(argv[1], &end);
    if (end == argv[1] || *end || !(seconds >= 0))
        fail("not a number of seconds: `%s`", argv[1]);
    struct timespec t = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };
    nanosleep(&t, NULL);
    return EXIT_OK;
}
