/* sampler_unipc.c: UniPC (W. Zhao et al. 2023), multistep, predicting x_0, as in the webui.
 *
 * On a grid of times from 1 to 1/1000 with alpha, sigma and lambda = ln alpha - ln sigma, a step of h = lambda' -
 * lambda is
 *
 *   base = (sigma'/sigma) x - alpha' (e^-h - 1) m0,      x' = base - sum w_j D_j,      D_j = (m_j - m0) / r_j
 *
 * with m0, m1, .. the predictions so far and r_j = (lambda_j - lambda) / h. The predictor's weights make it exact for
 * polynomials; the corrector also uses the prediction at x', which is kept for the next step. */
#include "sampler_steps.h"

enum { MOST_ORDER = 3, RING = 4 };

typedef struct {
    float t, log_alpha, alpha, sigma, lambda;
} Point;

/* log alpha, interpolated linearly between the table's times (i + 1) / 1000, extrapolated beyond them. */
static float log_alpha_at(const NoiseLevels *s, float t) {
    int above = 0;
    while (above < TRAIN_STEPS && linspace_f32(0, 1, TRAIN_STEPS + 1, above + 1) < t) above++;
    int i = above == 0 ? 0 : above == TRAIN_STEPS ? TRAIN_STEPS - 2 : above - 1;
    float x0 = linspace_f32(0, 1, TRAIN_STEPS + 1, i + 1), x1 = linspace_f32(0, 1, TRAIN_STEPS + 1, i + 2);
    float y0 = 0.5f * log32(s->alphas[i]), y1 = 0.5f * log32(s->alphas[i + 1]);
    return y0 + (t - x0) * (y1 - y0) / (x1 - x0);
}

static Point point_at(const NoiseLevels *s, float t) {
    Point p = {.t = t, .log_alpha = log_alpha_at(s, t)};
    float rest = 1 - exp32(2 * p.log_alpha);
    p.alpha = exp32(p.log_alpha);
    p.sigma = sqrtf(rest);
    p.lambda = p.log_alpha - 0.5f * log32(rest);
    return p;
}

/* Solves a x = b for the n x n matrix a by elimination with pivots. Overwrites a, and b with x. */
static void solve(double a[MOST_ORDER][MOST_ORDER], double *b, int n) {
    for (int k = 0; k < n; k++) {
        int pivot = k;
        for (int i = k + 1; i < n; i++)
            if (fabs(a[i][k]) > fabs(a[pivot][k])) pivot = i;
        for (int j = 0; j < n; j++) {
            double t = a[k][j];
            a[k][j] = a[pivot][j], a[pivot][j] = t;
        }
        double t = b[k];
        b[k] = b[pivot], b[pivot] = t;
        for (int i = k + 1; i < n; i++) {
            double f = a[i][k] / a[k][k];
            for (int j = k; j < n; j++) a[i][j] -= f * a[k][j];
            b[i] -= f * b[k];
        }
    }
    for (int k = n - 1; k >= 0; k--) {
        for (int j = k + 1; j < n; j++) b[k] -= a[k][j] * b[j];
        b[k] /= a[k][k];
    }
}

typedef struct {
    float predict[MOST_ORDER], correct[MOST_ORDER]; /* of D_1, D_2; the corrector's last is the newest prediction's */
} Weights;

/* B(h) form: the weights rho solve  sum_j r_j^(i-1) rho_j = b_i. */
static Weights weights_bh(int order, const float *r, float hh, bool bh2, float alpha) {
    Weights w = {{0}, {0}};
    float grow = expm1_32(hh), phi = grow / hh - 1, scale = bh2 ? grow : hh;
    double matrix[MOST_ORDER][MOST_ORDER], b[MOST_ORDER], small[MOST_ORDER][MOST_ORDER], rho[MOST_ORDER];
    int factorial = 1;
    for (int i = 0; i < order; i++) {
        for (int j = 0; j < order; j++) {
            double power = 1;
            for (int k = 0; k < i; k++) power *= r[j];
            matrix[i][j] = small[i][j] = power;
        }
        b[i] = rho[i] = phi * (float)factorial / scale;
        factorial *= i + 2;
        phi = phi / hh - (float)(1.0 / factorial);
    }
    if (order == 2) rho[0] = 0.5; /* as in the original, which does not solve here */
    else solve(small, rho, order - 1);
    if (order == 1) b[0] = 0.5;
    else solve(matrix, b, order);
    for (int j = 0; j < order; j++) {
        if (j < order - 1) w.predict[j] = alpha * scale * (float)rho[j];
        w.correct[j] = alpha * scale * (float)b[j];
    }
    return w;
}

/* Row k of the inverse of C, C[i][j] = r_i^j / (j + 1)!, n x n: solves C^T y = e_k. */
static void inverse_row(double *row, const float *r, int n, int k) {
    double a[MOST_ORDER][MOST_ORDER];
    for (int i = 0; i < n; i++) {
        double column = 1;
        for (int j = 0; j < n; j++) {
            a[j][i] = column;
            column = column * r[i] / (j + 2);
        }
        row[i] = i == k;
    }
    solve(a, row, n);
}

/* The form with varying coefficients. The corrector's last row uses the k left over from the original's loop. */
static Weights weights_vary(int order, const float *r, float hh, float alpha) {
    Weights w = {{0}, {0}};
    float phi[MOST_ORDER + 2];
    double row[MOST_ORDER];
    int factorial = 1;
    phi[0] = expm1_32(hh);
    for (int k = 1; k <= order; k++) {
        phi[k] = phi[k - 1] / hh - (float)(1.0 / factorial);
        factorial *= k + 1;
    }
    for (int k = 0; k < order - 1; k++) {
        inverse_row(row, r, order - 1, k);
        for (int j = 0; j < order - 1; j++) w.predict[j] += alpha * phi[k + 1] * (float)row[j];
        inverse_row(row, r, order, k);
        for (int j = 0; j < order - 1; j++) w.correct[j] += alpha * phi[k + 1] * (float)row[j];
    }
    inverse_row(row, r, order, order > 1 ? order - 2 : 0);
    w.correct[order - 1] = alpha * phi[order] * (float)row[order - 1];
    return w;
}

typedef struct {
    const Sampling *s;
    Point *grid[RING];
    float *model[RING], *base, *predicted;
} Uni;

/* m = x_0 predicted from x at p */
static bool predict_x0(const Uni *u, float *m, const float *x, const Point *p, int step, Error *e) {
    Ask ask = {.x = x, .time = (p->t - 0.001f) * 1000, .step = step};
    if (ask.time < 0) ask.time = 0;
    if (!u->s->denoise(u->s->user, &ask, m, e)) return steps_stopped(e);
    for (int64_t i = 0; i < u->s->n; i++) m[i] = (x[i] - p->sigma * m[i]) / p->alpha;
    return true;
}

#define APART 1e-5f /* two lambdas that are closer differ by rounding alone; SD 1.x's 1000 steps are 3e-3 apart */

/* How many of the last `order` points lie apart. Where a model's noise hardly changes from one to the next there is no
 * step, and no polynomial through both; the original divides by what rounding left. */
static int points_apart(const Uni *u, int k, int order) {
    int n = 0;
    while (n < order && u->grid[(k + RING - n) % RING]->lambda - u->grid[(k + RING - n - 1) % RING]->lambda > APART)
        n++;
    return n;
}

/* One step to grid point k. correct: evaluates the model at the predicted x, and corrects. */
static bool uni_step(const Uni *u, float *x, int k, int order, bool correct, Error *e) {
    const Sampling *s = u->s;
    const Point *p = u->grid[k % RING], *p0 = u->grid[(k + RING - 1) % RING];
    const float *m0 = u->model[(k + RING - 1) % RING], *m[MOST_ORDER] = {0};
    float *newest = u->model[k % RING], h = p->lambda - p0->lambda, r[MOST_ORDER], hh = -h;
    order = points_apart(u, k, order);
    if (!order) return !correct || predict_x0(u, newest, x, p, k - 1, e);
    for (int j = 1; j < order; j++) {
        r[j - 1] = (u->grid[(k + RING - 1 - j) % RING]->lambda - p0->lambda) / h;
        m[j - 1] = u->model[(k + RING - 1 - j) % RING];
    }
    r[order - 1] = 1;
    Weights w = s->options.unipc_variant == UNIPC_VARY_COEFF
                    ? weights_vary(order, r, hh, p->alpha)
                    : weights_bh(order, r, hh, s->options.unipc_variant == UNIPC_BH2, p->alpha);
    float keep = p->sigma / p0->sigma, step = p->alpha * expm1_32(hh);
    for (int64_t i = 0; i < s->n; i++) {
        u->base[i] = keep * x[i] - step * m0[i];
        float change = 0;
        for (int j = 0; j < order - 1; j++) change = change + w.predict[j] * ((m[j][i] - m0[i]) / r[j]);
        u->predicted[i] = u->base[i] - change;
    }
    if (correct && !predict_x0(u, newest, u->predicted, p, k - 1, e)) return false;
    for (int64_t i = 0; i < s->n; i++) {
        float change = 0;
        for (int j = 0; correct && j < order - 1; j++) change = change + w.correct[j] * ((m[j][i] - m0[i]) / r[j]);
        x[i] = correct ? u->base[i] - (change + w.correct[order - 1] * (newest[i] - m0[i])) : u->predicted[i];
    }
    return true;
}

/* The points only give the number of steps and, for the tail of a list, where it begins. Fewer steps than the order
 * lower the order, where the webui fails. */
bool sample_unipc(const Sampling *s, float *x, Error *e) {
    int steps = s->count, most = s->options.unipc_order;
    if (steps < 1) return true;
    if (most < 1 || most > MOST_ORDER) return error_set(e, ERR_ARGUMENT, "UniPC's order %d: must be 1, 2 or 3", most);
    if (most > steps) most = steps;
    float start = s->tail ? s->points[s->count - 1] / 1000 + 0.001f : 1;
    Point grid[RING];
    Uni u = {.s = s, .base = s->work + RING * s->n, .predicted = s->work + (RING + 1) * s->n};
    for (int i = 0; i < RING; i++) u.grid[i] = &grid[i], u.model[i] = s->work + i * s->n;
    grid[0] = point_at(s->levels, start);
    if (!predict_x0(&u, u.model[0], x, &grid[0], 0, e)) return false;
    for (int k = 1; k <= steps; k++) {
        int order = k < most ? k : most;
        if (s->options.unipc_lower_order_final && order > steps + 1 - k) order = steps + 1 - k;
        grid[k % RING] = point_at(s->levels, linspace_f32(start, 0.001f, steps + 1, k));
        if (!uni_step(&u, x, k, order, k < steps, e)) return false;
        if (!done_of(s, x, u.model[(k < steps ? k : k - 1) % RING], k - 1, steps, e)) return false;
    }
    return true;
}
