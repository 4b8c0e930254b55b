automap_library(base LAYER 1 DEPS absl::status absl::statusor absl::strings absl::str_format absl::time absl::cord
                protobuf::libprotobuf OpenSSL::Crypto)
