variable "channel" {
  description = "Channel of Charmhub to deploy all charms from"
  type        = string
  default     = "latest/edge"
}

variable "charm_names" {
  description = "Names on Charmhub under which you have released the charms"
  type = object({
    mongodb           = string
    my_node_app       = string
    rsyslog_forwarder = string
  })
}

variable "model_uuid" {
  description = "UUID of the model to deploy to"
  type        = string
}

variable "mongodb_resources" {
  description = "Revisions on Charmhub of the resources of mongodb: mongod"
  type        = map(string)
  default     = {}
}
