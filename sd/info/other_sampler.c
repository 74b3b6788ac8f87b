/* other_sampler.c: the samplers and schedules of other programs by the names that sdc gives them. Sources: ComfyUI
 * comfy/samplers.py; InvokeAI schedulers.py; stable-diffusion.cpp src/stable-diffusion.cpp; Easy Diffusion's sdkit;
 * NovelAI's and Draw Things' menus. Names that sdc itself knows (k_euler_ancestral, dpmpp_2m, DPM++ 2M Karras) need no
 * row. */
#include "other.h"
#include "sd/sampling/sampler.h"
#include "sd/sampling/scheduler.h"
#include "sd/text/nearest.h"

#include <string.h>

static const struct {
    const char *theirs, *ours, *schedule; /* schedule NULL: another field says it */
} SAMPLERS[] = {
    {"dpmpp_sde_gpu", "DPM++ SDE", NULL},
    {"dpmpp_2m_sde_gpu", "DPM++ 2M SDE", NULL},
    {"dpmpp_2m_sde_heun_gpu", "DPM++ 2M SDE Heun", NULL},
    {"dpmpp_3m_sde_gpu", "DPM++ 3M SDE", NULL},
    {"ddim_v3", "DDIM", NULL}, /* NovelAI */
    {"heun", "Heun", NULL},
    {"lms", "LMS", NULL},
    {"euler_k", "Euler", "Karras"}, /* InvokeAI */
    {"heun_k", "Heun", "Karras"},
    {"lms_k", "LMS", "Karras"},
    {"kdpm_2", "DPM2", NULL},
    {"kdpm_2_k", "DPM2", "Karras"},
    {"kdpm_2_a", "DPM2 a", NULL},
    {"kdpm_2_a_k", "DPM2 a", "Karras"},
    {"dpmpp_2m_k", "DPM++ 2M", "Karras"},
    {"dpmpp_2m_sde_k", "DPM++ 2M SDE", "Karras"},
    {"dpmpp_sde_k", "DPM++ SDE", "Karras"},
    {"pndm", "PLMS", NULL},
    {"unipc", "UniPC", NULL},
    {"k_dpmpp_2", "DPM++ 2M", NULL}, /* InvokeAI until 2.3, whose importer says so */
    {"dpm2", "DPM2", NULL},          /* stable-diffusion.cpp, Easy Diffusion */
    {"dpm2_a", "DPM2 a", NULL},
    {"dpm++2m", "DPM++ 2M", NULL},
    {"dpm++2s_a", "DPM++ 2S a", NULL},
    {"dpm++2m_sde", "DPM++ 2M SDE", NULL},
    {"Euler Ancestral", "Euler a", NULL}, /* Draw Things */
};

static const char *const SCHEDULERS[][2] = {
    {"discrete", "Uniform"}, /* stable-diffusion.cpp */
    {"native", "Uniform"},   /* NovelAI */
    {"default", "Uniform"},
};

const char *other_sampler_name(const char *name, const char **schedule) {
    *schedule = NULL;
    for (size_t i = 0; i < sizeof SAMPLERS / sizeof *SAMPLERS; i++)
        if (nearest_same(SAMPLERS[i].theirs, name)) {
            *schedule = SAMPLERS[i].schedule;
            return SAMPLERS[i].ours;
        }
    const Scheduler *scheduler = NULL;
    const Sampler *s = sampler_parse(name, &scheduler);
    if (scheduler) *schedule = !scheduler->fill && s->scheduler ? s->scheduler : scheduler->label;
    return s ? s->name : NULL;
}

const char *other_scheduler_name(const char *name) {
    for (size_t i = 0; i < sizeof SCHEDULERS / sizeof *SCHEDULERS; i++)
        if (nearest_same(SCHEDULERS[i][0], name)) return SCHEDULERS[i][1];
    const Scheduler *s = scheduler_find(name);
    return s ? s->label : NULL;
}
