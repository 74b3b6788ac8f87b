/* beta.h: quantiles of the Beta distribution, for the schedule of that name. */
#ifndef SD_SAMPLING_BETA_H
#define SD_SAMPLING_BETA_H

/* The p-quantile of Beta(a, b): x in [0, 1] with I_x(a, b) = p. 0 <= p <= 1, a and b in (0, 100]. */
double beta_quantile(double p, double a, double b);

#endif
