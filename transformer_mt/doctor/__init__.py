"""`tmt doctor`: what is wrong with a corpus, all of it at once, before anything is trained."""
