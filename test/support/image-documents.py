"""Writes YAML documents with container images at known places, by PyYAML, and prints as JSON which file has which.

usage: image-documents.py DIRECTORY COUNT
"""
import json
import os
import random
import sys

import yaml

directory, count = sys.argv[1], int(sys.argv[2])
os.makedirs(directory, exist_ok=True)
rnd = random.Random(20240229)
words = ["web", "proxy", "agent", "csi", "store", "node", "exporter", "x9"]


def image():
    host = rnd.choice(["", "quay.io/", "registry.example.org:5000/", "ghcr.io/deep/"])
    path = "/".join(rnd.sample(words, rnd.randint(1 if host else 2, 3)))
    return "%s%s:v%d.%d" % (host, path, rnd.randint(0, 9), rnd.randint(0, 99))


class Literal(str):
    pass


yaml.SafeDumper.add_representer(Literal, lambda d, v: d.represent_scalar("tag:yaml.org,2002:str", v, style="|"))


def container(found):
    name = image()
    found.append(name)
    result = {"name": rnd.choice(words), "image": name, "imagePullPolicy": "IfNotPresent", "ports": [{"containerPort": 80}]}
    kind = rnd.randint(0, 4)
    if kind == 0:
        side = image()
        found.append(side)
        result["args"] = ["--v=%d" % rnd.randint(0, 9), "--%s-image=%s" % (rnd.choice(words), side), "--listen=0.0.0.0:80"]
    if kind == 1:
        side = image()
        found.append(side)
        result["env"] = [{"name": "LEVEL", "value": "5"}, {"name": "RELATED_IMAGE_%s" % rnd.choice(words).upper(), "value": side}]
    if kind == 2:
        result["command"] = ["sh", "-c", "echo image: none/at/all && exec /bin/app --url=http://svc/path:80"]
    return result


def pod_spec(found):
    spec = {"containers": [container(found) for _ in range(rnd.randint(1, 3))], "nodeSelector": {"kubernetes.io/os": "linux"}}
    if rnd.random() < 0.4:
        spec["initContainers"] = [container(found)]
    return spec


def workload(found):
    kind = rnd.choice(["Deployment", "DaemonSet", "CronJob", "Pod"])
    spec = pod_spec(found)
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": {"template": {"spec": spec}}}}
    elif kind != "Pod":
        spec = {"replicas": 2, "template": {"metadata": {"labels": {"image": "none/in:labels"}}, "spec": spec}}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": rnd.choice(words)}, "spec": spec}


def resource(found):
    name, other = image(), image()
    found.extend([name, other])
    repository, tag = other.rsplit(":", 1)
    return {"kind": "Operated", "spec": {"deep": [{"proxy": {"image": name}}], "chart": {"image": {"repository": repository, "tag": tag}}}}


def config_map(found):
    inner = yaml.safe_dump(workload(found), default_flow_style=rnd.choice([False, None]))
    return {"kind": "ConfigMap", "data": {"pod.yaml": Literal(inner) if rnd.random() < 0.7 else inner, "mode": "fast"}}


def schema(found):
    field = {"type": "string", "default": image(), "description": "image: " + image()}
    return {
        "kind": "CustomResourceDefinition",
        "spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"properties": {"image": field}, "example": {"image": image()}}}}]},
    }


def nothing(found):
    return {"kind": "Role", "rules": [{"apiGroups": ["apps"], "resources": ["images/status"], "verbs": ["get"]}]}


def items(found):
    return {"kind": "List", "items": [workload(found), nothing(found), workload(found)]}


makers = [workload, workload, resource, config_map, schema, nothing, items]
expected = {}
for number in range(count):
    found = []
    documents = [rnd.choice(makers)(found) for _ in range(rnd.randint(1, 4))]
    if rnd.random() < 0.15:
        # The same object twice is an anchor and an alias.
        documents.append({"kind": "List", "items": [documents[0], documents[0]]})
    style = rnd.choice([False, False, None, True])
    name = "%03d.%s" % (number, "yaml")
    options = {"default_flow_style": style, "width": rnd.choice([60, 1000]), "indent": rnd.choice([2, 4]), "sort_keys": rnd.choice([True, False])}
    text = yaml.safe_dump_all(documents, explicit_start=rnd.choice([True, False]), **options)
    if rnd.random() < 0.2:
        text = text.replace("\n", "\r\n")
    if rnd.random() < 0.2:
        name = "%03d.json" % number
        text = json.dumps({"kind": "List", "items": documents}, indent=rnd.choice([None, 2, "\t"]))
    with open(os.path.join(directory, name), "w", newline="", encoding=rnd.choice(["utf-8", "utf-8-sig"])) as file:
        file.write(text)
    expected[name] = found
print(json.dumps(expected))
