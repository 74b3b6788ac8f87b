#include "blas_library.h"
#include "os.h"

#include <stdatomic.h>
#include <stddef.h>

/* Set once, and never unloaded. */
static BlasSgemm *_Atomic loaded;

BlasSgemm *blas_sgemm(void) { return atomic_load_explicit(&loaded, memory_order_acquire); }

bool blas_load(void) {
    static const char *const NAMES[] = {"libopenblas.so.0",
                                        "libopenblas.so",
                                        "libopenblasp.so.0",
                                        "libopenblas.dylib",
                                        "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
                                        "/usr/local/opt/openblas/lib/libopenblas.dylib"};
    if (blas_sgemm()) return true;
    void *library = NULL;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES && !library; i++)
        library = os_library_open(NAMES[i], "OPENBLAS_NUM_THREADS", "1"); /* else it starts its threads at once */
    if (!library) return false;
    void (*threads)(int) = (void (*)(int))os_library_function(library, "openblas_set_num_threads");
    BlasSgemm *sgemm = (BlasSgemm *)os_library_function(library, "cblas_sgemm");
    if (!threads || !sgemm) return false;
    threads(1);
    atomic_store_explicit(&loaded, sgemm, memory_order_release);
    return true;
}
