"""Where new points come from."""

from hyperbridge.optional import Package

RAY = Package("ray", "Ray Tune", install="hyperbridge[ray]", oldest="2.52")
