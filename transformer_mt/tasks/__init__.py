"""What is learned: translation, language modelling, classification, behind one surface."""
