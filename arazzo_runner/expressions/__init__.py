"""The language of Arazzo: runtime expressions, templates, conditions and selectors, parsed once and evaluated often."""
