"""From parcel series to connectomes."""
