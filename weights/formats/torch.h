/* torch.h: what torch.save writes: a pickle of the state dictionary, and the storages that its tensors are views of
 * (torch/serialization.py).
 *
 * Since 1.6 a file is a zip archive: DIR/data.pkl, DIR/data/KEY for each storage, DIR/version, and since 2.1
 * DIR/byteorder and others. Before, it was five pickles (a magic number, the protocol 1001, the writer's byte order,
 * the object, the list of storages' keys) and then each storage: its element count as an i64, and its bytes. */
#ifndef SD_WEIGHTS_FORMATS_TORCH_H
#define SD_WEIGHTS_FORMATS_TORCH_H

#include "pickle.h"
#include "weight_file.h"

/* For the table of formats (formats.h). */
bool torch_zip_sniff(const uint8_t *bytes, size_t size);
bool torch_zip_read(WeightFile *f, Error *e);
bool torch_old_sniff(const uint8_t *bytes, size_t size);
bool torch_old_read(WeightFile *f, Error *e);

typedef struct {
    const char *key; /* key_size bytes */
    size_t key_size;
    DType dtype;
    bool untyped;  /* dtype is U8, and each tensor says its own */
    int64_t count; /* elements of the whole storage */
    int64_t first; /* of a view of a storage (before torch 0.4): its first element and its elements */
    int64_t used;
    uint64_t begin; /* in the file; set by whoever knows it, */
    bool placed;    /* and then this */
} TorchStorage;

typedef struct {
    TorchStorage *list;
    size_t count;
} TorchStorages;

/* The storages that a pickle refers to. False with a line; free the list in any case. */
bool torch_storages(TorchStorages *s, Pickle *p, Error *e);
/* The file's list of tensors: those of the dictionary `root`, or of its "state_dict" and the like. Storages are placed.
 */
bool torch_tensors(WeightFile *f, const Pickle *p, PickleId root, const TorchStorages *s, Error *e);

#endif
