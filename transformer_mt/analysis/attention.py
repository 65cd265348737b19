"""The attention of a translation, in the words of its two sentences."""

from transformer_mt.analysis.maps import AttentionMaps
from transformer_mt.data.batching import Collator
from transformer_mt.data.tokenizer import EOS_ID, PAD_ID, SOS_ID, SPECIAL_TOKENS
from transformer_mt.model.inspection import attention_weights
from transformer_mt.translator import Translation, Translator


def attention_maps(translator: Translator, translation: Translation) -> list[AttentionMaps]:
    """What the model attended to in each candidate of a translation, best first.

    The candidate is read by the decoder as it was written by the search, so beam search is shown
    as it is. An [UNK] that was replaced in the text is shown as the token that the model wrote.
    """
    collator = Collator(PAD_ID, SOS_ID, EOS_ID)
    device = translator.model.output.weight.device
    pieces = translator.tokenizers.src.pieces(translation.source)[: len(translation.src_ids)]
    maps = []
    for candidate in translation.candidates:
        words = translator.tokenizers.tgt.tokens(candidate.token_ids)
        weights = attention_weights(
            translator.model,
            collator.pad([translation.src_ids], after=EOS_ID).to(device),
            collator.pad([candidate.token_ids], before=SOS_ID).to(device),
        )
        encoder, decoder, cross = (part[:, 0].float().cpu().numpy() for part in weights)
        maps.append(
            AttentionMaps(
                source=translation.source,
                translation=candidate.text,
                src_tokens=(*pieces, SPECIAL_TOKENS[EOS_ID]),
                tgt_in=(SPECIAL_TOKENS[SOS_ID], *words),
                tgt_out=(*words, SPECIAL_TOKENS[EOS_ID]),
                encoder=encoder,
                decoder=decoder,
                cross=cross,
                score=candidate.score,
            )
        )
    return maps
