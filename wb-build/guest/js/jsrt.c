/* jsrt: the runtime of a JavaScript command.
 *
 * As built it holds no program. A command is a copy of it with a pack laid
 * above its initial memory and `wb_pack_slot` patched to point there; the host
 * does that to the bytes of the module (wb_build::splice). */
#include <stdlib.h>

#include "runtime.h"

/* Exported by the linker; `volatile` keeps the compiler from folding the zeros. */
struct { uint32_t address, len; } volatile wb_pack_slot = { 0, 0 };

int main(int argc, char **argv)
{
    JSContext *ctx = runtime_new(argc, argv);
    /* The instance ends here: freeing what the program holds would be waste. */
    _Exit(runtime_run(ctx, (const uint8_t *)wb_pack_slot.address, wb_pack_slot.len));
}
