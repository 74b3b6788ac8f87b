/* os_bare.c: no operating system: os.h for sd_core, which opens no files and starts no threads. `make OS=bare` does not
 * make libsd, whose other parts need more of os.h; sd/core/core.mk lists what is compiled with this file. */
#include "tensor/os.h"

#include "os_bare.h"

#include <string.h>

double os_clock(void) { return 0; } /* so that times in results are 0 */

/* sd_core refuses seeds that are to be random. */
void os_random(void *bytes, size_t size) { memset(bytes, 0, size); }

size_t os_page_size(void) { return HEAP_ALIGN; }
void os_huge_pages(void *p, size_t size) { (void)p, (void)size; }
void os_drop_pages(const void *p, size_t size) { (void)p, (void)size; }
void os_expect_pages(const void *p, size_t size) { (void)p, (void)size; }
void os_read_pages(const void *p, size_t size) { (void)p, (void)size; }
bool os_lazy_memory(void) { return false; }
size_t os_physical_memory(void) { return heap_size(); }
size_t os_program_memory(size_t counted) { return heap_used() > counted ? heap_used() - counted : 0; }
bool os_maps_program(void) { return false; }
size_t os_counted_memory(const void *p, size_t size) { return (void)p, (void)size, (size_t)0; }
