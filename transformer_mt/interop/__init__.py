"""Model folders of other programs: written, read and compared with ours."""
