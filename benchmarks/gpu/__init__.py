"""What Equipoise does on a GPU, in one run of a few minutes: `make gpu`."""
