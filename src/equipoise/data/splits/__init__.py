"""Training, validation and test rows: by group, stratified, never cutting a group."""
