/* sampler_restart.c: Restart (Y. Xu et al., "Restart Sampling" 2023), as the webui has it: Heun steps; with 20 or more,
 * some are spent on returning from sigma 0.1 to 2 by new noise and descending again, once or (with 36 or more) twice.
 */
#include "sampler_steps.h"

typedef struct {
    int steps;           /* of the main descent, to 0 */
    int again, times;    /* steps in each restart; restarts */
    int from, to;        /* indices of the main descent: noise is added at `from`, up to the sigma at `to` */
    float high, low;     /* its largest sigma, and its smallest above 0 */
    const float *points; /* its sigmas when they are the given list; NULL: Karras's */
} RestartPlan;

/* Sigma i of k-diffusion's Karras list of n, rho 7; 0 for i = n */
static float karras(int i, int n, float low, float high) {
    if (i == n) return 0;
    double a = pow64(low, 1.0 / 7), b = pow64(high, 1.0 / 7);
    float ramp = linspace_f32(0, 1, n, i);
    return (float)pow64((float)b + ramp * (float)(a - b), 7);
}

static float main_sigma(const RestartPlan *p, int i) {
    return p->points ? p->points[i] : karras(i, p->steps, p->low, p->high);
}

static int closest(const RestartPlan *p, float sigma) {
    int best = 0;
    for (int i = 1; i <= p->steps; i++)
        if (fabsf(main_sigma(p, i) - sigma) < fabsf(main_sigma(p, best) - sigma)) best = i;
    return best;
}

static RestartPlan restart_plan(const Sampling *s) {
    int steps = s->count - 1;
    RestartPlan p = {.steps = steps, .high = s->points[0], .low = s->points[steps > 0 ? steps - 1 : 0], .from = -1};
    if (steps < 20) {
        p.points = s->points;
        return p;
    }
    p.again = steps >= 36 ? steps / 4 : 9;
    p.times = steps >= 36 ? 2 : 1;
    p.steps = steps - p.again * p.times;
    p.from = closest(&p, 0.1f);
    p.to = closest(&p, 2);
    if (p.to >= p.from) p.times = 0;
    return p;
}

typedef struct {
    const Sampling *s;
    int step, steps;
    float last; /* the sigma of x; 0 before the first step */
} Walk;

/* One Heun step, after new noise if it begins above the sigma of x: where a restart begins, and, since the original
 * compares so too, where a restart's last sigma was rounded below the one it stands for. */
static bool walk(Walk *w, float *x, float sigma, float next, Error *e) {
    const Sampling *s = w->s;
    if (w->step > 0 && w->last < sigma) {
        float *noise = s->work + s->n;
        s->draw(s->user, noise);
        add_noise(s, x, noise, sqrtf(sigma * sigma - w->last * w->last));
    }
    if (!heun_step(s, x, sigma, next, w->step, e) || !done_of(s, x, s->work, w->step, w->steps, e)) return false;
    w->last = next;
    w->step++;
    return true;
}

bool sample_restart(const Sampling *s, float *x, Error *e) {
    RestartPlan p = restart_plan(s);
    Walk w = {.s = s, .steps = p.steps + p.again * p.times};
    for (int i = 0; i < p.steps; i++) {
        if (!walk(&w, x, main_sigma(&p, i), main_sigma(&p, i + 1), e)) return false;
        if (i + 1 != p.from) continue;
        float low = main_sigma(&p, p.from), high = main_sigma(&p, p.to);
        int n = p.again + 1;
        for (int k = 0; k < p.times * p.again; k++) {
            int j = k % p.again;
            if (!walk(&w, x, karras(j, n, low, high), karras(j + 1, n, low, high), e)) return false;
        }
    }
    return true;
}
