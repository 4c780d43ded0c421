"""The learning of Cui et al. (CVPR 2016), in torch alone."""
