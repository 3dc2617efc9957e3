#!/bin/bash
cd "$(dirname "$0")" && source common.sh
bash ../own/clean-registry.sh "$@"
