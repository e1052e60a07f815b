"""What mkdocs makes of the sources: reference pages, links, formulas."""
