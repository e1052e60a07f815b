"""Tests; this file keeps other packages of that name away."""
