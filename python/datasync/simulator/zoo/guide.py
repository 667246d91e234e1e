"""What a visitor of a zoo is told: where its species are, and the credentials that they want."""

from __future__ import annotations

from datasync.simulator.zoo.options import ZooOptions
from datasync.simulator.zoo.species import SPECIES


def guide(options: ZooOptions, url: str) -> str:
    """List the species of the zoo at `url`, and set the variables that their configurations refer to."""
    width = max(len(name) for name in SPECIES)
    species = [
        f"{kind.name:<{width}}  {kind.method:<4}  {kind.url(url)}\n{'':<{width}}        {kind.special}"
        for kind in SPECIES.values()
    ]
    variables = [f"export {name}={value}" for name, value in options.environment(url).items()]
    return "\n".join([*species, "", *variables])
