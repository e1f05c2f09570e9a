#include "wbox.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *name; applet_main *run; } applets[] = {
    { "base64", base64_main },   { "basename", basename_main }, { "cat", cat_main },     { "comm", comm_main },
    { "cut", cut_main },         { "date", date_main },         { "dirname", dirname_main }, { "echo", echo_main },
    { "env", env_main },         { "expand", expand_main },     { "false", false_main }, { "fold", fold_main },
    { "head", head_main },       { "join", join_main },         { "ls", ls_main },       { "nl", nl_main },
    { "paste", paste_main },     { "printf", printf_main },     { "rev", rev_main },     { "seq", seq_main },
    { "sha256sum", sha256sum_main }, { "shuf", shuf_main },     { "sleep", sleep_main }, { "sort", sort_main },
    { "tac", tac_main },         { "tail", tail_main },         { "tee", tee_main },     { "tr", tr_main },
    { "true", true_main },       { "uniq", uniq_main },         { "wc", wc_main },       { "yes", yes_main },
};

static const size_t applet_count = sizeof applets / sizeof *applets;

static applet_main *find(const char *name)
{
    const char *slash = strrchr(name, '/');
    if (slash)
        name = slash + 1;
    for (size_t i = 0; i < applet_count; i++) {
        if (strcmp(applets[i].name, name) == 0) {
            applet = applets[i].name;
            return applets[i].run;
        }
    }
    return NULL;
}

static void list(FILE *out)
{
    fputs("usage: wbox APPLET [ARG]...\napplets:", out);
    for (size_t i = 0; i < applet_count; i++)
        fprintf(out, " %s", applets[i].name);
    fputc('\n', out);
}

int main(int argc, char **argv)
{
    static char in[64 * 1024], out[64 * 1024];
    setvbuf(stdin, in, _IOFBF, sizeof in);
    setvbuf(stdout, out, _IOFBF, sizeof out);
    setlocale(LC_CTYPE, "C.UTF-8");

    applet_main *run = argc > 0 ? find(argv[0]) : NULL;
    if (!run) {
        if (argc < 2 || strcmp(argv[1], "--help") == 0) {
            list(argc < 2 ? stderr : stdout);
            return argc < 2 ? EXIT_USAGE : EXIT_OK;
        }
        argc--;
        argv++;
        if (!(run = find(argv[0]))) {
            fprintf(stderr, "wbox: no applet `%s`\n", argv[0]);
            return EXIT_USAGE;
        }
    }
    int code = run(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        warn("cannot write the output");
        return code ? code : EXIT_FAILED;
    }
    return code;
}
