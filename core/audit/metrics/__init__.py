"""What is measured of selections themselves, beside the same of random selections."""
