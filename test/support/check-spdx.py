# Holds an SPDX 2.3 document in JSON (standard input) against what the specification demands of it, in its clauses 6, 7 and 11.
import datetime, json, re, sys
from urllib.parse import unquote, urlparse

document = json.load(sys.stdin)
ID = re.compile(r"SPDXRef-[A-Za-z0-9.-]+\Z")
RELATIONS = {"DESCRIBES", "CONTAINS", "DESCENDANT_OF"}
PURPOSES = {"APPLICATION", "FRAMEWORK", "LIBRARY", "CONTAINER", "OPERATING-SYSTEM", "DEVICE", "FIRMWARE", "SOURCE", "ARCHIVE", "FILE", "INSTALL", "OTHER"}


def need(condition, what):
    if not condition:
        sys.exit(f"SPDX: {what}")


need(document["spdxVersion"] == "SPDX-2.3", "6.1 version")
need(document["dataLicense"] == "CC0-1.0", "6.2 data license")
need(document["SPDXID"] == "SPDXRef-DOCUMENT", "6.3 identifier of the document")
need(document["name"] and "\n" not in document["name"], "6.4 name")
space = urlparse(document["documentNamespace"])
need(space.scheme and space.netloc and not space.fragment, "6.5 namespace: an absolute URI without #")
need(all(re.match(r"(Person|Organization|Tool): .+", one) for one in document["creationInfo"]["creators"]), "6.8 creators")
datetime.datetime.strptime(document["creationInfo"]["created"], "%Y-%m-%dT%H:%M:%SZ")
known = {"SPDXRef-DOCUMENT"}
for package in document["packages"]:
    need(package["name"] and ID.match(package["SPDXID"]), f"7.1, 7.2 {package}")
    need(package["SPDXID"] not in known, f"7.2 {package['SPDXID']} twice")
    known.add(package["SPDXID"])
    need(package["downloadLocation"] in ("NONE", "NOASSERTION") or urlparse(package["downloadLocation"]).scheme, "7.7 location")
    need(package["filesAnalyzed"] is False, "7.8: with files analyzed there would have to be a verification code")
    need(package.get("primaryPackagePurpose", "OTHER") in PURPOSES, "7.24 purpose")
    for checksum in package.get("checksums", []):
        need(checksum["algorithm"] == "SHA256" and re.match(r"[0-9a-f]{64}\Z", checksum["checksumValue"]), "7.10 checksum")
    for reference in package["externalRefs"]:
        need(reference["referenceCategory"] == "PACKAGE-MANAGER" and reference["referenceType"] == "purl", "7.21 reference")
        url = re.match(r"pkg:(oci|deb|apk)/(?:([^/@?]+)/)?([^/@?]+)@([^?]+)(\?[a-z_]+=[^&?\s]+(&[a-z_]+=[^&?\s]+)*)?\Z", reference["referenceLocator"])
        need(url, f"purl {reference['referenceLocator']}")
        if url.group(1) == "oci":
            need(unquote(url.group(4)) == f"sha256:{package['checksums'][0]['checksumValue']}", "purl of an image: by its digest")
for one in document["relationships"]:
    need(one["relationshipType"] in RELATIONS, f"11.1 {one}")
    need(one["spdxElementId"] in known and one["relatedSpdxElement"] in known, f"11.1 {one}: no such element")
described = [one for one in document["relationships"] if one["relationshipType"] == "DESCRIBES"]
need(len(described) == 1 and described[0]["spdxElementId"] == "SPDXRef-DOCUMENT", "11.1 what the document describes")
related = {one["relatedSpdxElement"] for one in document["relationships"]}
need(related == known - {"SPDXRef-DOCUMENT"}, "11.1: every package is related to the one described")
print(" ".join(sorted(f"{one['name']}@{one.get('versionInfo', '')}" for one in document["packages"])))
