import pytest
import torch
from tiny_models import PAD

from transformer_mt.model.masks import causal_mask, padding_mask


def test_padding_mask_is_true_at_real_tokens() -> None:
    ids = [[5, 6, 7], [8, PAD, PAD], [9, 4, PAD]]
    mask = padding_mask(torch.tensor(ids), PAD)
    assert mask.dtype == torch.bool
    assert mask.shape == (3, 1, 1, 3)
    assert mask.flatten(1).tolist() == [[token != PAD for token in row] for row in ids]


@pytest.mark.parametrize("pad_id", [0, 3, 7])
def test_padding_mask_follows_the_pad_id(pad_id: int) -> None:
    mask = padding_mask(torch.arange(9)[None], pad_id)
    assert mask.logical_not().flatten().nonzero().flatten().tolist() == [pad_id]


@pytest.mark.parametrize(("query_len", "key_len"), [(1, 1), (4, 4), (1, 5), (3, 7), (5, 5)])
def test_no_query_sees_a_later_key(query_len: int, key_len: int) -> None:
    mask = causal_mask(query_len, key_len)
    assert mask.dtype == torch.bool
    past = key_len - query_len  # the last query stands where the last key stands
    expected = [[key <= past + query for key in range(key_len)] for query in range(query_len)]
    assert mask.tolist() == expected


def test_fewer_queries_see_what_they_see_among_all() -> None:
    assert torch.equal(causal_mask(2, 6), causal_mask(6, 6)[-2:])


def test_masks_compose() -> None:
    ids = torch.tensor([[5, 6, PAD], [7, 8, 9]])
    both = padding_mask(ids, PAD) & causal_mask(3, 3)
    assert both.shape == (2, 1, 3, 3)
    for row, query, key in torch.cartesian_prod(*map(torch.arange, (2, 3, 3))).tolist():
        assert both[row, 0, query, key] == (key <= query and ids[row, key] != PAD)
