// Written with the TOML module.
#pragma once
