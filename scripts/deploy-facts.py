"""What the files in deploy/ say, as JSON for the tests: `chart DIR VALUES` lints and renders a Helm chart with values (JSON), `yaml` reads
YAML from standard input. Owns no opinion. Run it by scripts/services/helm.sh, which has the libraries."""

import json
import sys

import yaml


def chart(path: str, values: dict) -> dict:
    from helm_python import chart as helm

    try:
        lint = helm.lint(path, values=values, strict=True)
        rendered = helm.Chart.load(path).render(values=values, name="watch", namespace="security")
    except Exception as error:  # what Helm refuses is an answer
        return {"refused": str(error)}
    documents = [
        document
        for name, text in sorted(rendered.items())
        if not name.endswith(".txt")
        for document in yaml.safe_load_all(text)
        if document
    ]
    notes = [text for name, text in rendered.items() if name.endswith("NOTES.txt")]
    return {"lint": lint, "documents": documents, "notes": "".join(notes)}


if __name__ == "__main__":
    if sys.argv[1] == "chart":
        facts = chart(sys.argv[2], json.loads(sys.argv[3]))
    else:
        facts = yaml.safe_load(sys.stdin)
    json.dump(facts, sys.stdout, default=str)
