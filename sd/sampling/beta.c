/* beta.c: the regularised incomplete beta function by its continued fraction (W. Press et al., Numerical Recipes 6.4,
 * after J. Lentz), ln gamma by C. Lanczos's series, and the inverse by bisection. Slow and exact: a run needs a few
 * dozen quantiles, once. */
#include "beta.h"

#include "sd/noise/math64.h"

/* ln gamma(x), x > 0; Lanczos with g = 7 and nine terms, about 1e-15 */
static double ln_gamma(double x) {
    static const double C[9] = {0.99999999999980993,  676.5203681218851,     -1259.1392167224028,
                                771.32342877765313,   -176.61502916214059,   12.507343278686905,
                                -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7};
    double sum = C[0], t = x + 6.5;
    for (int i = 1; i < 9; i++) sum += C[i] / (x - 1 + i);
    return 0.91893853320467274178 /* ln sqrt(2 pi) */ + (x - 0.5) * log64(t) - t + log64(sum);
}

static double away_from_zero(double x) { return x > -1e-300 && x < 1e-300 ? 1e-300 : x; }

/* The continued fraction; converges fast for x < (a + 1) / (a + b + 2). */
static double fraction(double x, double a, double b) {
    double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), h = d;
    for (int m = 1; m < 500; m++) {
        double even = m * (b - m) * x / ((a - 1 + 2 * m) * (a + 2 * m));
        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        h *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 1 + 2 * m));
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        h *= d * c;
        if (fabs(d * c - 1) < 1e-15) break;
    }
    return h;
}

/* I_x(a, b) for 0 < x < 1 */
static double incomplete(double x, double a, double b, double ln_beta) {
    double front = a * log64(x) + b * log64(1 - x) - ln_beta;
    if (front < -690) return x < (a + 1) / (a + b + 2) ? 0 : 1;
    front = exp64(front);
    return x < (a + 1) / (a + b + 2) ? front * fraction(x, a, b) / a : 1 - front * fraction(1 - x, b, a) / b;
}

double beta_quantile(double p, double a, double b) {
    if (!(p > 0)) return 0;
    if (!(p < 1)) return 1;
    double ln_beta = ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b), low = 0, high = 1;
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;
        if (middle <= low || middle >= high) break;
        if (middle < 1e-300) return 0;
        if (incomplete(middle, a, b, ln_beta) < p) low = middle;
        else high = middle;
    }
    return (low + high) / 2;
}
