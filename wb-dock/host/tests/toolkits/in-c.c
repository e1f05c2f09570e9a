/* in-c HOST WEB UDP: the calls of wb.h that no example in C makes. */
#include <stdio.h>
#include <stdlib.h>
#include <wb.h>

static void show(const char *what, int32_t status, wb_bytes *bytes)
{
    char *why = wb_message();
    printf("%s %s %zu %.*s\n", what, status < 0 ? why : "ok", bytes->len, (int)bytes->len, (char *)bytes->data);
    wb_bytes_free(bytes);
    free(why);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    wb_bytes bytes, head;
    char url[200];

    snprintf(url, sizeof url, "http://%s:%s/gone", argv[1], argv[2]);
    int32_t status = wb_browse(url, &bytes);
    show("browse", status, &bytes);
    status = wb_browse("ftp://web.test/", &bytes);
    show("browse", status, &bytes);

    char request[300];
    snprintf(request, sizeof request, "{\"method\": \"GET\", \"url\": \"%s\", \"timeout_ms\": 5000}", url);
    status = wb_request(request, NULL, 0, &bytes, &head);
    printf("request %d\n", (int)status);
    show("body", status, &bytes);
    show("head", status, &head);

    int32_t socket = wb_udp_connect(argv[1], (uint16_t)atoi(argv[3]));
    printf("send %d\n", (int)wb_udp_send(socket, "one\0two", 7));
    status = wb_udp_receive(socket, &bytes);
    printf("receive %d %zu %s %s\n", (int)status, bytes.len, (char *)bytes.data, (char *)bytes.data + 4);
    wb_bytes_free(&bytes);
    printf("send nothing %d\n", (int)wb_udp_send(socket, "", 0));
    status = wb_udp_receive(socket, &bytes);
    show("receive", status, &bytes);
    printf("close %d\n", (int)wb_udp_close(socket));
    printf("send after close %d\n", (int)wb_udp_send(socket, "x", 1));

    wb_output output;
    const char *const args[] = {"env", NULL}, *const env[] = {"A=1", "B=two words", NULL};
    status = wb_exec("wbox", args, env, NULL, 0, &output);
    printf("exec %d %s", (int)status, (char *)output.out.data);
    wb_output_free(&output);
    status = wb_exec("jq", (const char *const[]){".a", NULL}, NULL, "{\"a\": [1]}", 10, &output);
    printf("exec %d %s", (int)status, (char *)output.out.data);
    wb_output_free(&output);
    const char *const bad[] = {"no equals sign", NULL};
    status = wb_exec("wbox", NULL, bad, NULL, 0, &output);
    printf("exec %d %s\n", (int)status, wb_message());
    printf("session %s\n", wb_session());
    return 0;
}
