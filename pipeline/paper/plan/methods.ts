/** The baselines, the same for every problem. */

export const BASELINES = [
  { name: 'gaussian', title: 'Gaussian (Cohen et al. 2019)', short: 'Gaussian' },
  { name: 'macer', title: 'MACER (Zhai et al. 2020)', short: 'MACER' },
  { name: 'smoothadv', title: 'SmoothAdv (Salman et al. 2019)', short: 'SmoothAdv' },
  { name: 'consistency', title: 'Consistency (Jeong & Shin 2020)', short: 'Consistency' },
] as const;
