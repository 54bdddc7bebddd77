"""Lets torchvision be imported beside a torch that it was not built for, such as one without CUDA.

Its losses are plain Python and need none of its compiled operators, but it asks for their names when it is imported.
"""

import torch

NAMES = ("nms", "qnms", "roi_align", "ps_roi_align", "roi_pool", "ps_roi_pool", "qroi_align", "deform_conv2d")
BACKWARD = ("_roi_align_backward", "_ps_roi_align_backward", "_roi_pool_backward", "_ps_roi_pool_backward")
keep = []  # a library's names go when it is collected


def name_missing() -> None:
    try:
        import torchvision  # noqa: F401 (whether it can be imported is the question)
    except ImportError:
        return  # it is not there
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for name in (*NAMES, *BACKWARD, "_deform_conv2d_backward"):
            library.define(f"{name}() -> ()")
        keep.append(library)
