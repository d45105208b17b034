"""An audit's figures for print and projector: SVG and PNG without scripts, fonts or addresses."""
