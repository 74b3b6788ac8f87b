/* pickle_globals.c: the names that a checkpoint's pickle may import, and what they stand for. None is ever called. What
 * torch.load(weights_only=True) takes is here (torch/_weights_only_unpickler.py), and what trainers put beside weights:
 * their settings and callbacks, as objects that are skipped. */
#include "pickle.h"

#include <string.h>

static const PickleGlobal GLOBALS[] = {
    {"collections", "OrderedDict", GLOBAL_DICT, F32},
    {"collections", "defaultdict", GLOBAL_DICT, F32},
    {"torch._utils", "_rebuild_tensor_v2", GLOBAL_TENSOR, F32},
    {"torch._utils", "_rebuild_tensor", GLOBAL_TENSOR, F32},
    {"torch._utils", "_rebuild_tensor_v3", GLOBAL_TENSOR_DTYPE, F32},
    {"torch._utils", "_rebuild_parameter", GLOBAL_PARAMETER, F32},
    {"torch._utils", "_rebuild_parameter_with_state", GLOBAL_PARAMETER, F32},
    {"torch._tensor", "_rebuild_from_type_v2", GLOBAL_OF_TYPE, F32},
    {"torch", "FloatStorage", GLOBAL_STORAGE, F32},
    {"torch", "HalfStorage", GLOBAL_STORAGE, F16},
    {"torch", "BFloat16Storage", GLOBAL_STORAGE, BF16},
    {"torch", "DoubleStorage", GLOBAL_STORAGE, F64},
    {"torch", "LongStorage", GLOBAL_STORAGE, I64},
    {"torch", "IntStorage", GLOBAL_STORAGE, I32},
    {"torch", "ShortStorage", GLOBAL_STORAGE, I16},
    {"torch", "CharStorage", GLOBAL_STORAGE, I8},
    {"torch", "ByteStorage", GLOBAL_STORAGE, U8},
    {"torch", "BoolStorage", GLOBAL_STORAGE, BOOL},
    {"torch", "ComplexFloatStorage", GLOBAL_STORAGE, C64},
    {"torch.storage", "UntypedStorage", GLOBAL_BYTE_STORAGE, U8},
    {"torch.storage", "_UntypedStorage", GLOBAL_BYTE_STORAGE, U8},
    {"torch", "UntypedStorage", GLOBAL_BYTE_STORAGE, U8},
    {"torch", "float32", GLOBAL_DTYPE, F32},
    {"torch", "float16", GLOBAL_DTYPE, F16},
    {"torch", "bfloat16", GLOBAL_DTYPE, BF16},
    {"torch", "float64", GLOBAL_DTYPE, F64},
    {"torch", "int64", GLOBAL_DTYPE, I64},
    {"torch", "int32", GLOBAL_DTYPE, I32},
    {"torch", "int16", GLOBAL_DTYPE, I16},
    {"torch", "int8", GLOBAL_DTYPE, I8},
    {"torch", "uint8", GLOBAL_DTYPE, U8},
    {"torch", "uint16", GLOBAL_DTYPE, U16},
    {"torch", "uint32", GLOBAL_DTYPE, U32},
    {"torch", "uint64", GLOBAL_DTYPE, U64},
    {"torch", "bool", GLOBAL_DTYPE, BOOL},
    {"torch", "complex64", GLOBAL_DTYPE, C64},
    {"torch", "float8_e4m3fn", GLOBAL_DTYPE, F8_E4M3},
    {"torch", "float8_e5m2", GLOBAL_DTYPE, F8_E5M2},
    {"torch", "float8_e4m3fnuz", GLOBAL_DTYPE, F8_E4M3FNUZ},
    {"torch", "float8_e5m2fnuz", GLOBAL_DTYPE, F8_E5M2FNUZ},
    {"torch", "float8_e8m0fnu", GLOBAL_DTYPE, F8_E8M0},
    {"torch", "Size", GLOBAL_SIZE, F32},
    {"torch", "device", GLOBAL_OBJECT, F32},
    {"torch", "Tensor", GLOBAL_OBJECT, F32},
    {"torch.nn.parameter", "Parameter", GLOBAL_OBJECT, F32},
    {"torch.nn.modules.container", "ParameterDict", GLOBAL_DICT, F32},
    {"torch.optim.", NULL, GLOBAL_OBJECT, F32},
    {"pytorch_lightning.", NULL, GLOBAL_OBJECT, F32},
    {"lightning.", NULL, GLOBAL_OBJECT, F32},
    {"lightning_fabric.", NULL, GLOBAL_OBJECT, F32},
    {"omegaconf.", NULL, GLOBAL_OBJECT, F32},
    {"numpy", "dtype", GLOBAL_OBJECT, F32},
    {"numpy", "ndarray", GLOBAL_OBJECT, F32},
    {"numpy", "float32", GLOBAL_OBJECT, F32},
    {"numpy", "float64", GLOBAL_OBJECT, F32},
    {"numpy", "int64", GLOBAL_OBJECT, F32},
    {"numpy.core.multiarray", "scalar", GLOBAL_OBJECT, F32},
    {"numpy.core.multiarray", "_reconstruct", GLOBAL_OBJECT, F32},
    {"numpy._core.multiarray", "scalar", GLOBAL_OBJECT, F32},
    {"numpy._core.multiarray", "_reconstruct", GLOBAL_OBJECT, F32},
    {"numpy.dtypes", NULL, GLOBAL_OBJECT, F32},
    {"_codecs", "encode", GLOBAL_OBJECT, F32},
    {"argparse", "Namespace", GLOBAL_OBJECT, F32},
    {"datetime", NULL, GLOBAL_OBJECT, F32},
    {"pathlib", NULL, GLOBAL_OBJECT, F32},
    {"typing", "Any", GLOBAL_OBJECT, F32},
};

/* Of Python itself, whose module has had two names: types that only hold data. */
static const char *const BUILTINS[] = {"set",     "frozenset", "list",  "tuple",  "int",   "float",
                                       "bool",    "str",       "bytes", "long",   "slice", "bytearray",
                                       "complex", "object",    "range", "unicode"};

static bool same(const char *row, const char *text, size_t size) {
    return strlen(row) == size && !memcmp(row, text, size);
}

static bool module_fits(const PickleGlobal *g, const char *module, size_t size) {
    size_t n = strlen(g->module);
    if (g->module[n - 1] != '.') return same(g->module, module, size);
    return size + 1 >= n && !memcmp(g->module, module, n - 1) && (size + 1 == n || module[n - 1] == '.');
}

const PickleGlobal *pickle_global(const char *module, size_t module_size, const char *name, size_t name_size) {
    static const PickleGlobal DICT = {"builtins", "dict", GLOBAL_DICT, F32},
                              BUILTIN = {"builtins", NULL, GLOBAL_OBJECT, F32};
    if (same("builtins", module, module_size) || same("__builtin__", module, module_size)) {
        if (same("dict", name, name_size)) return &DICT;
        for (size_t i = 0; i < sizeof BUILTINS / sizeof *BUILTINS; i++)
            if (same(BUILTINS[i], name, name_size)) return &BUILTIN;
        return NULL;
    }
    for (size_t i = 0; i < sizeof GLOBALS / sizeof *GLOBALS; i++)
        if (module_fits(&GLOBALS[i], module, module_size) &&
            (!GLOBALS[i].name || same(GLOBALS[i].name, name, name_size)))
            return &GLOBALS[i];
    return NULL;
}
