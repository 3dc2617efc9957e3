#!/bin/bash
source common.sh
[[ ! -e $1 ]] || { echo "$1 is there already" >&2; exit 1; }
