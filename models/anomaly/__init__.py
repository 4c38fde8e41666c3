"""Is the sensor broken, or is something happening? One streaming model a channel, as arrays over all channels. Advisory: no rule and no verdict reads it."""

from models.anomaly.channels import ChannelInfo
from models.anomaly.floor import FloorModel
from models.anomaly.model import AnomalyModel, Output
from models.anomaly.suspect import FAULTS, Evidence, Suspect

__all__ = ["FAULTS", "AnomalyModel", "ChannelInfo", "Evidence", "FloorModel", "Output", "Suspect"]
