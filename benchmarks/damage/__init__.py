"""Finding damage: material, ways to find it, figures and pictures."""
