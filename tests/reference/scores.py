"""Plain twin of neurolect.statistics.scores: one number at a time, from the formula."""

import math


def log_odds_z(n_list: int, size_list: int, n_background: int, size_background: int, *, prior_size: float) -> float:
    share = min(max(n_background, 0.5), size_background - 0.5) / size_background
    n_rest, size_rest = n_background - n_list, size_background - size_list
    odds_list = (n_list + prior_size * share) / (size_list - n_list + prior_size * (1 - share))
    odds_rest = (n_rest + prior_size * share) / (size_rest - n_rest + prior_size * (1 - share))
    variance = 1 / (n_list + prior_size * share) + 1 / (n_background + prior_size * share)
    return (math.log(odds_list) - math.log(odds_rest)) / math.sqrt(variance / (1 - share))
